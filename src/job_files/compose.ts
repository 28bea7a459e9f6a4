import { devicesNeeded, JAR_ENVIRONMENT } from "../jar_process/launchers/asked_of.ts";
import { shellCommand } from "./shell_command.ts";
import { apart, askedBy, checkWords, runWords } from "./figures.ts";
import type { Job, JobFile, JobJar } from "./job.ts";
import { imageNeeded } from "./kubernetes.ts";
import { distinct } from "./names.ts";
import { yamlText } from "./yaml_text.ts";

/** Started only when they are named: by a run, one after the other. */
const PROFILE = "jars";

/**
 * A Compose file: a service for each jar, which a run on that machine starts, and before it one that
 * checks it.
 *
 * @throws {BrainjarError} kind `usage`: `image-needed`, `job-name-taken`
 */
export function composeFiles(job: Job): JobFile[] {
  const { jars, image, jarFile, version, typed } = job;
  if (image === undefined) throw imageNeeded("compose");
  const names = distinct([...jars], (id) => id, "service");
  distinct(
    [
      ...jars,
      ...jars.map((jar) => ({ ...jar, demand: { ...jar.demand, id: checkOf(jar.demand.id) } })),
    ],
    (id) => id,
    "service",
  );
  const asked = jars.map((jar) => askedBy(`compose ${jar.demand.id}`, jar, job));
  const services = jars.flatMap((jar, at) => {
    const [mine, name] = [asked[at], names[at]];
    if (mine === undefined || name === undefined) return [];
    const service = {
      image,
      profiles: [PROFILE],
      network_mode: "none",
      environment: JAR_ENVIRONMENT,
      mem_limit: `${mine.limitBytes}b`,
      memswap_limit: `${mine.limitBytes}b`,
      mem_reservation: `${mine.requestBytes}b`,
      ...job.cpus === undefined ? {} : { cpus: job.cpus },
      ...devicesNeeded(jar.demand) > 0 && { deploy: deployOf(jar) },
      volumes: jar.folders.map((folder) => ({
        type: "bind",
        source: literal(folder),
        target: literal(folder),
        read_only: true,
      })),
      ...jarFile && { configs: [{ source: PROFILE, target: jarFile.path }] },
    };
    return [
      [checkOf(name), { ...service, entrypoint: checkWords(job, jar, mine).map(literal) }] as const,
      [name, {
        ...service,
        entrypoint: ["brainjar", "jar"],
        stdin_open: true,
        depends_on: { [checkOf(name)]: { condition: "service_completed_successfully" } },
      }] as const,
    ];
  });
  const text = yamlText({
    services: Object.fromEntries(services),
    ...jarFile && { configs: { [PROFILE]: { content: literal(jarFile.text) } } },
  }, {
    "": [
      `brainjar ${version}: ${apart(jars.length, "container")}, which a run starts`,
      `made by: ${typed}`,
      "Kept as compose.yaml. In its folder, where brainjar and the models are, too, the run is",
      ...shellCommand(runWords(job, asked), "    ").map((line) => `  ${line}`),
      "It starts each service by docker compose run --rm -T, which checks it before.",
    ],
    ...Object.fromEntries(
      jars.flatMap((_, at): [string, readonly string[]][] => {
        const [mine, name] = [asked[at], names[at]];
        return mine === undefined || name === undefined
          ? []
          : [[`services.${checkOf(name)}`, mine.why]];
      }),
    ),
  });
  return [{ name: "compose.yaml", text }];
}

function checkOf(name: string): string {
  return `${name}-check`;
}

/** Devices as a Compose file reserves them. */
function deployOf(jar: JobJar) {
  return {
    resources: {
      reservations: { devices: [{ count: devicesNeeded(jar.demand), capabilities: ["gpu"] }] },
    },
  };
}

/** A text that no variable is put into. */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}
