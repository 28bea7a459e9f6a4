import { BrainjarError } from "../budget/error.ts";
import { formatAmount, MB } from "../budget/size.ts";
import { COORDINATOR_BYTES } from "../jar_process/own_limit.ts";
import { devicesNeeded, JAR_ENVIRONMENT } from "../jar_process/launchers/asked_of.ts";
import { printable } from "../report/printable.ts";
import { apart, type Asked, askedBy, checkWords, runWords } from "./figures.ts";
import { devicesOfRun, type Job, type JobFile, type JobJar } from "./job.ts";
import { plainNames } from "./names.ts";
import { yamlText } from "./yaml_text.ts";

/** What a kubectl that is attached to a jar is counted with; not measured. */
const KUBECTL_BYTES = 64 * MB;

const NAME = "brainjar";

/** What a device of each backend is called; other backends' devices are of several vendors. */
const DEVICES: Readonly<Record<string, string>> = { cuda: "nvidia.com/gpu" };

/**
 * Manifests of Kubernetes': a Deployment for each jar, whose pod waits on its stdin, and a Job for the
 * run, which attaches to them.
 *
 * @throws {BrainjarError} kind `usage`: `image-needed`, `job-name-taken`, `unknown-device`
 */
export function kubernetesFiles(job: Job): JobFile[] {
  const { jars, image, jarFile, version, typed } = job;
  if (image === undefined) throw imageNeeded("kubernetes");
  const names = plainNames(job).map((name) => `${NAME}-${name}`);
  const asked = jars.map((jar, at) => askedBy(`attach deployment/${names[at]}`, jar, job));
  const texts = [
    ...jarFile === undefined ? [] : [
      yamlText({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: NAME },
        data: { [baseOf(jarFile.path)]: jarFile.text },
      }, { "": ["The jars, as brainjar check and run are told them."] }),
    ],
    ...accountOf(),
    ...jars.flatMap((jar, at) => {
      const [mine, name] = [asked[at], names[at]];
      return mine === undefined || name === undefined ? [] : [deploymentOf(job, jar, mine, name)];
    }),
    jobOf(job, asked),
  ];
  const above = [
    `# brainjar ${version}: ${apart(jars.length, "pod")}, and a run`,
    `# made by: ${printable(typed)}`,
    "# started by: kubectl apply -f THIS-FILE",
    `# told by: kubectl logs -f job/${NAME}; ended by: kubectl delete -f THIS-FILE`,
    "# The image has brainjar, and for the run kubectl. The models lie on every node under the same path;",
    "# where they don't, a claim takes the place of hostPath.",
  ];
  return [{ name: "brainjar.yaml", text: `${above.join("\n")}\n---\n${texts.join("---\n")}` }];
}

/** An error of whoever left out what has brainjar in it. */
export function imageNeeded(kind: string): BrainjarError {
  return new BrainjarError("image-needed", `plan --for ${kind} needs an image`, {
    hint: "Name one that has brainjar: --image registry/brainjar:1",
  });
}

/** Who may attach to the jars' pods. */
function accountOf(): string[] {
  const metadata = { name: NAME };
  return [
    yamlText({ apiVersion: "v1", kind: "ServiceAccount", metadata }, {
      "": ["The run's account: it finds the jars' pods and attaches to them."],
    }),
    yamlText({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata,
      rules: [
        { apiGroups: ["apps"], resources: ["deployments", "replicasets"], verbs: ["get", "list"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
        { apiGroups: [""], resources: ["pods/attach"], verbs: ["get", "create"] },
      ],
    }),
    yamlText({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: NAME },
      subjects: [{ kind: "ServiceAccount", name: NAME }],
    }),
  ];
}

function deploymentOf(job: Job, jar: JobJar, asked: Asked, name: string): string {
  const labels = { "app.kubernetes.io/name": NAME, "app.kubernetes.io/component": name };
  const container = {
    image: job.image,
    resources: {
      requests: { memory: String(asked.requestBytes), ...cpusOf(job) },
      limits: { memory: String(asked.limitBytes), ...gpusOf(jar, devicesNeeded(jar.demand)) },
    },
    env: environment(),
    volumeMounts: mountsOf(job, [jar]),
  };
  return yamlText({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 60,
          initContainers: [{
            name: "check",
            ...container,
            command: checkWords(job, jar, asked).map(literal),
          }],
          containers: [{
            name: "jar",
            ...container,
            command: ["brainjar", "jar"],
            stdin: true,
            stdinOnce: true,
          }],
          volumes: volumesOf(job, [jar]),
        },
      },
    },
  }, {
    "": asked.why,
    "spec.template.spec.initContainers": ["Where the jar will live, before anything is loaded."],
    "spec.template.spec.containers": ["Waits for the run on its stdin; ends when that closes."],
  });
}

function jobOf(job: Job, asked: readonly Asked[]): string {
  const memoryBytes = COORDINATOR_BYTES + job.jars.length * KUBECTL_BYTES;
  const [first] = job.jars;
  const devices = first === undefined ? {} : gpusOf(first, devicesOfRun(job));
  return yamlText({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: NAME },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { "app.kubernetes.io/name": NAME } },
        spec: {
          serviceAccountName: NAME,
          enableServiceLinks: false,
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 60,
          containers: [{
            name: "run",
            image: job.image,
            command: runWords(job, asked).map(literal),
            env: environment(),
            resources: {
              requests: { memory: String(memoryBytes) },
              ...Object.keys(devices).length > 0 && { limits: devices },
            },
            volumeMounts: mountsOf(job, job.jars),
          }],
          volumes: volumesOf(job, job.jars),
        },
      },
    },
  }, {
    "": [
      `The run itself: ${
        formatAmount(COORDINATOR_BYTES)
      } for its process, which holds no model, and ${
        formatAmount(KUBECTL_BYTES)
      } for a kubectl for each jar.`,
      "It has no limit: it isn't what grows.",
    ],
  });
}

function cpusOf({ cpus }: Job) {
  return cpus === undefined ? {} : { cpu: String(cpus) };
}

function gpusOf({ demand }: JobJar, count: number): Record<string, string> {
  const [device] = demand.footprint.devices ?? [];
  if (device === undefined || count === 0) return {};
  const backend = device.id.replace(/:.*$/, "");
  const resource = DEVICES[backend];
  if (resource !== undefined) return { [resource]: String(count) };
  throw new BrainjarError(
    "unknown-device",
    `Kubernetes has no one name for devices of ${backend}`,
    {
      hint: "It names them by vendor: plan with --gpu cuda or --gpu off",
    },
  );
}

function environment() {
  return Object.entries(JAR_ENVIRONMENT).map(([name, value]) => ({ name, value }));
}

/** A word that no variable is put into. */
function literal(word: string): string {
  return word.replaceAll("$", "$$$$");
}

function baseOf(path: string): string {
  return path.replace(/^.*\//, "");
}

function foldersOf(jars: readonly JobJar[]): string[] {
  return [...new Set(jars.flatMap(({ folders }) => folders))].toSorted();
}

function mountsOf({ jarFile }: Job, jars: readonly JobJar[]) {
  return [
    ...foldersOf(jars).map((mountPath, at) => ({
      name: `models-${at}`,
      mountPath,
      readOnly: true,
    })),
    ...jarFile === undefined ? [] : [{
      name: "jars",
      mountPath: jarFile.path.replace(/\/[^/]*$/, ""),
      readOnly: true,
    }],
  ];
}

function volumesOf({ jarFile }: Job, jars: readonly JobJar[]) {
  return [
    ...foldersOf(jars).map((path, at) => ({
      name: `models-${at}`,
      hostPath: { path, type: "Directory" },
    })),
    ...jarFile === undefined ? [] : [{ name: "jars", configMap: { name: NAME } }],
  ];
}
