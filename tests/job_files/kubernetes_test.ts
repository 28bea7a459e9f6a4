import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Deployment } from "kubernetes-models/apps/v1";
import { Job as KubernetesJob } from "kubernetes-models/batch/v1";
import { Role, RoleBinding } from "kubernetes-models/rbac/v1";
import { ConfigMap, ServiceAccount } from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import type { Job } from "../../src/job_files/job.ts";
import { kubernetesFiles } from "../../src/job_files/kubernetes.ts";
import { printableLines } from "../../src/report/printable.ts";
import { assertGolden } from "../golden.ts";
import { checkedWith, jobJar, jobWith, MATRIX, MORE, ON_CARD, WORD } from "./cases.ts";

const IMAGE = { image: "registry/brainjar:1" };

/** Every kind of the files, with the API's own schema. */
const KINDS = {
  ConfigMap,
  ServiceAccount,
  Role,
  RoleBinding,
  Deployment,
  Job: KubernetesJob,
} as const;

interface Manifest {
  readonly kind: keyof typeof KINDS;
  readonly metadata: { readonly name: string };
}

function textOf(job: Job): string {
  return kubernetesFiles(job).map(({ text }) => text).join();
}

/** As kubectl reads them: its YAML is of version 1.1. */
function manifestsOf(job: Job): Manifest[] {
  return parseAllDocuments(textOf(job), { version: "1.1" }).map((document) => {
    assertEquals(document.errors, []);
    return document.toJS();
  }).filter((manifest) => manifest !== null);
}

Deno.test("kubernetes: manifests of three jars and their run", async () => {
  await assertGolden("plan-kubernetes", textOf({ ...MATRIX, ...IMAGE }));
});

Deno.test("kubernetes: every manifest is valid by the API's own schema", () => {
  const jarFile = { path: "/etc/brainjar/jars.json", text: '{"jars": [{"name": "a"}]}\n' };
  for (const job of [{ ...MATRIX, ...IMAGE }, MORE, { ...MORE, jarFile }]) {
    const manifests = manifestsOf(job);
    for (const manifest of manifests) {
      const Kind = KINDS[manifest.kind];
      new Kind(manifest as never).validate();
    }
    assertEquals(manifests.map(({ kind }) => kind), [
      ..."jarFile" in job ? ["ConfigMap" as const] : [],
      ...[
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Deployment",
        "Deployment",
        "Deployment",
      ] as const,
      "Job",
    ]);
  }
});

Deno.test("kubernetes: the schema refuses what isn't valid", () => {
  const [manifest] = manifestsOf({ ...MATRIX, ...IMAGE }).filter(({ kind }) =>
    kind === "Deployment"
  );
  const wrong = structuredClone(manifest) as never as {
    spec: { template: { spec: { containers: { command: unknown[] }[] } } };
  };
  wrong.spec.template.spec.containers[0]?.command.push(false);
  assertThrows(() => new Deployment(wrong as never).validate(), Error, "must be string");
});

interface Pod {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly [Key in "initContainers" | "containers"]: readonly Container[] };
    };
  };
}

interface Container {
  readonly command: readonly string[];
  readonly resources: Readonly<Record<"requests" | "limits", Readonly<Record<string, string>>>>;
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}

Deno.test("kubernetes: requests, limits, processors and devices", () => {
  const pods = manifestsOf(MORE).filter(({ kind }) => kind === "Deployment") as never as Pod[];
  assertEquals(pods.map(({ spec }) => spec.template.spec.containers[0]?.resources), [
    {
      requests: { memory: String(5400 * MB), cpu: "4" },
      limits: { memory: String(5400 * MB) },
    },
    {
      requests: { memory: String(401 * MB), cpu: "4" },
      limits: { memory: String(410 * MB), "nvidia.com/gpu": "1" },
    },
    {
      requests: { memory: String(5400 * MB), cpu: "4" },
      limits: { memory: String(5400 * MB) },
    },
  ]);
});

Deno.test("kubernetes: whatever a word is, the container is told it as it is", () => {
  fc.assert(fc.property(WORD, (word) => {
    const job = jobWith(word, { ...MATRIX, ...IMAGE });
    assertEquals(printableLines(textOf(job)), textOf(job));
    const pods = manifestsOf(job)
      .filter(({ kind }) => kind === "Deployment") as never as Pod[];
    assertEquals(pods.length, 2);
    const [check] = pods[0]?.spec.template.spec.initContainers ?? [];
    assertEquals(
      check?.command.map(expanded),
      ["brainjar", ...checkedWith(word, "subject", 5400 * MB)],
    );
  }));
});

/** As the kubelet does it: `$(NAME)` is a variable's value, `$$` a dollar. */
function expanded(word: string): string {
  return word.replace(/\$(\$|\([^)]*\))/g, (_, what) => what === "$" ? "$" : "(a variable)");
}

Deno.test("kubernetes: names that a pod can't tell apart, devices without a name, no image", () => {
  const jars = (...ids: string[]) => ({ ...MATRIX, ...IMAGE, jars: ids.map((id) => jobJar(id)) });
  const vulkan = { ...ON_CARD, devices: [{ ...ON_CARD.devices[0], id: "vulkan:0" }] } as never;
  const refused: readonly (readonly [code: string, job: Job])[] = [
    ["job-name-taken", jars("a_b", "a.b")],
    ["job-name-taken", jars("God", "god")],
    ["unknown-device", { ...jars(), jars: [jobJar("a", vulkan)] }],
    ["image-needed", MATRIX],
  ];
  for (const [code, job] of refused) {
    const error = assertThrows(() => kubernetesFiles(job), BrainjarError);
    assertEquals(error.code, code);
  }
});
