import { jsonText } from "../../src/report/printable.ts";

/** A pod as it was asked for, as far as the tests look at it. */
export interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly restartPolicy: string;
    readonly containers: readonly Container[];
  };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
}

/**
 * As much of a Kubernetes API server as `kubectl run --stdin` speaks with, and a node that starts a pod's
 * command as a process of this machine: what its command writes before somebody is attached goes to its
 * log, as in a cluster.
 */
export interface KubernetesServer extends AsyncDisposable {
  readonly url: string;
  /** Pods as they were created, in order. */
  readonly created: readonly Pod[];
  /** Names of pods that are still there. */
  readonly names: () => string[];
  /** Names of containers' processes by pod. */
  readonly processIds: ReadonlyMap<string, number>;
}

/** How the node is. */
export interface NodeOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Between a pod's creation and its start, in milliseconds. */
  readonly pullMilliseconds?: number;
  /** Between a pod's start and the first attachment that it lets in, in milliseconds. */
  readonly attachMilliseconds?: number;
  /** Why no pod can be scheduled, where none can. */
  readonly unschedulable?: string;
  /** Whether the container is told to have run out of memory when it is killed. */
  readonly killsForMemory?: boolean;
}

const POD_RESOURCES = [
  {
    name: "pods",
    singularName: "pod",
    namespaced: true,
    kind: "Pod",
    verbs: ["create", "delete", "get", "list", "watch"],
  },
  {
    name: "pods/attach",
    singularName: "",
    namespaced: true,
    kind: "PodAttachOptions",
    verbs: ["create", "get"],
  },
  { name: "pods/log", singularName: "", namespaced: true, kind: "Pod", verbs: ["get"] },
  { name: "nodes", singularName: "node", namespaced: false, kind: "Node", verbs: ["get", "list"] },
];

const encoder = new TextEncoder();

/** A pod that was created, with its process once it runs. */
class RunningPod {
  readonly pod: Pod;
  readonly #options: NodeOptions;
  readonly #watchers = new Set<() => void>();
  child: Deno.ChildProcess | undefined;
  attached: WebSocket | undefined;
  #code: number | undefined;
  #signal: string | null = null;
  startedAt = 0;

  constructor(pod: Pod, options: NodeOptions) {
    this.pod = pod;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.#code === undefined;
  }

  start(): void {
    const [container] = this.pod.spec.containers;
    const [program = "", ...args] = container?.command ?? [];
    const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
    this.child = new Deno.Command(program, {
      args,
      env: { ...env, ...this.#options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.startedAt = performance.now();
    const drained = Promise.all([
      this.#forward(this.child.stdout, 1),
      this.#forward(this.child.stderr, 2),
    ]);
    this.child.status.then(async ({ code, signal }) => {
      await drained;
      this.#code = code;
      this.#signal = signal;
      this.#end();
      this.changed();
    });
    this.changed();
  }

  attach(socket: WebSocket): void {
    this.attached = socket;
    const writer = this.child?.stdin.getWriter();
    const close = () => writer?.close().catch(() => {});
    socket.onmessage = ({ data }) => {
      const [channel, ...bytes] = new Uint8Array(data);
      if (channel === 0) writer?.write(new Uint8Array(bytes)).catch(() => {});
      if (channel === 255) close();
    };
    socket.onclose = close;
    socket.onerror = close;
    if (this.#code !== undefined) this.#end();
  }

  /** Says how the command ended on the channel for that, and closes. */
  #end(): void {
    const code = this.#code ?? 0;
    const causes = [{ reason: "ExitCode", message: String(code) }];
    const status = code === 0 ? { metadata: {}, status: "Success" } : {
      metadata: {},
      status: "Failure",
      reason: "NonZeroExitCode",
      message: `command terminated with non-zero exit code`,
      details: { causes },
    };
    this.#send(3, encoder.encode(jsonText(status)));
    this.attached?.close(1000);
  }

  async #forward(stream: ReadableStream<Uint8Array<ArrayBuffer>>, channel: number): Promise<void> {
    for await (const piece of stream) this.#send(channel, piece);
  }

  #send(channel: number, bytes: Uint8Array): void {
    if (this.attached?.readyState !== WebSocket.OPEN) return;
    this.attached.send(new Uint8Array([channel, ...bytes]));
  }

  onChange(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** The pod with its status, as the server tells it. */
  get told() {
    const isOver = this.#code !== undefined;
    const { unschedulable, killsForMemory } = this.#options;
    const state = isOver
      ? {
        terminated: {
          exitCode: this.#signal === "SIGKILL" ? 137 : this.#code,
          reason: killsForMemory && this.#signal === "SIGKILL"
            ? "OOMKilled"
            : this.#code === 0
            ? "Completed"
            : "Error",
        },
      }
      : this.isRunning
      ? { running: { startedAt: "2026-01-01T00:00:00Z" } }
      : { waiting: { reason: "ContainerCreating" } };
    const condition = unschedulable === undefined
      ? { type: "Ready", status: isOver || !this.isRunning ? "False" : "True" }
      : {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: unschedulable,
      };
    return {
      kind: "Pod",
      apiVersion: "v1",
      ...this.pod,
      metadata: {
        ...this.pod.metadata,
        namespace: "default",
        uid: this.pod.metadata.name,
        resourceVersion: "1",
      },
      status: {
        phase: isOver
          ? (this.#code === 0 ? "Succeeded" : "Failed")
          : this.isRunning
          ? "Running"
          : "Pending",
        conditions: [condition],
        containerStatuses: [{
          name: this.pod.spec.containers[0]?.name,
          ready: this.isRunning,
          restartCount: 0,
          image: this.pod.spec.containers[0]?.image,
          imageID: "",
          state,
        }],
      },
    };
  }
}

/** Starts one on a free port. */
export function startKubernetes(options: NodeOptions): KubernetesServer {
  const pods = new Map<string, RunningPod>();
  const created: Pod[] = [];
  const processIds = new Map<string, number>();
  const stop = new AbortController();
  const serve = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const of = /^\/api\/v1\/namespaces\/default\/pods(?:\/([^/]+)(?:\/(\w+))?)?$/.exec(pathname);
    const [, name, part] = of ?? [];
    if (pathname === "/version") return json({ major: "1", minor: "32", gitVersion: "v1.32.4" });
    if (pathname === "/api") return json({ kind: "APIVersions", versions: ["v1"] });
    if (pathname === "/apis") return json({ kind: "APIGroupList", apiVersion: "v1", groups: [] });
    if (pathname === "/api/v1") {
      return json({ kind: "APIResourceList", groupVersion: "v1", resources: POD_RESOURCES });
    }
    if (pathname === "/api/v1/nodes") {
      return json({ kind: "NodeList", apiVersion: "v1", metadata: {}, items: [NODE] });
    }
    if (of === null) return notFound();
    if (request.method === "POST" && name === undefined) {
      const pod: Pod = await request.json();
      created.push(pod);
      const one = new RunningPod(pod, options);
      pods.set(pod.metadata.name, one);
      if (options.unschedulable === undefined) {
        setTimeout(() => {
          one.start();
          if (one.child !== undefined) processIds.set(pod.metadata.name, one.child.pid);
        }, options.pullMilliseconds ?? 0);
      }
      return json(one.told, 201);
    }
    const selected = /metadata\.name=([^,]+)/.exec(searchParams.get("fieldSelector") ?? "")?.[1];
    const one = pods.get(name ?? selected ?? "");
    if (one === undefined) return notFound();
    if (searchParams.has("watch")) return watching(one);
    if (name === undefined) {
      return json({
        kind: "PodList",
        apiVersion: "v1",
        metadata: { resourceVersion: "1" },
        items: [one.told],
      });
    }
    if (request.method === "DELETE") {
      pods.delete(name);
      killQuietly(one.child);
      return json(one.told);
    }
    if (part === "attach") {
      const { attachMilliseconds = 0 } = options;
      await new Promise((resolve) => setTimeout(resolve, attachMilliseconds));
      const { socket, response } = Deno.upgradeWebSocket(request, {
        protocol: "v5.channel.k8s.io",
      });
      socket.binaryType = "arraybuffer";
      socket.onopen = () => one.attach(socket);
      return response;
    }
    if (part === "log") return new Response("");
    return json(one.told);
  };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    signal: stop.signal,
  }, serve);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    created,
    names: () => [...pods.keys()],
    processIds,
    async [Symbol.asyncDispose]() {
      for (const { child } of pods.values()) killQuietly(child);
      stop.abort();
      await server.finished;
    },
  };
}

/** What a node has for pods. */
const NODE = {
  metadata: { name: "node1" },
  status: { allocatable: { memory: "16Gi", cpu: "2", pods: "110" } },
};

function watching(pod: RunningPod): Response {
  let forget = () => {};
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const tell = () =>
        controller.enqueue(encoder.encode(`${jsonText({ type: "MODIFIED", object: pod.told })}\n`));
      forget = pod.onChange(tell);
      tell();
    },
    cancel: () => forget(),
  });
  return new Response(stream, { headers: { "content-type": "application/json" } });
}

function killQuietly(child: Deno.ChildProcess | undefined): void {
  try {
    child?.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, { status });
}

function notFound(): Response {
  return json({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: "NotFound",
    code: 404,
  }, 404);
}
