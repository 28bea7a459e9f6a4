import type { Backend } from "../backends/backend.ts";
import { placeGraph, type TensorBuffers } from "../allocator.ts";
import { DynamicBuffer } from "../dynamic_buffer.ts";
import type { Tensor } from "../tensor.ts";
import { padTo } from "../tensor_bytes.ts";
import { Assignment, type ScheduledGraph, UNASSIGNED } from "./assign.ts";
import { Machine } from "./machine.ts";
import { PIPELINE_COPIES, type SplitGraph, Splitting } from "./split.ts";

/** A compute buffer for each backend. */
class BackendBuffers implements TensorBuffers {
  readonly buffers: readonly DynamicBuffer[];

  constructor(private readonly backends: readonly Backend[]) {
    this.buffers = backends.map(({ buffer }) => new DynamicBuffer(buffer.largestBytes));
  }

  bufferOf({ backend }: Tensor): DynamicBuffer {
    return this.buffers[backend] as DynamicBuffer;
  }

  bytesOf(tensor: Tensor): number {
    const backend = this.backends[tensor.backend] as Backend;
    return padTo(backend.bytesOf(tensor), backend.buffer.alignment);
  }
}

/** What a schedule came to. */
export interface Scheduled {
  /** Bytes of each backend's compute buffer. */
  readonly bytes: readonly number[];
  /** Backends that the graph's parts are computed on, in their order. */
  readonly parts: readonly number[];
}

/** How a graph is to be scheduled. */
export interface ScheduleOptions {
  /** The CPU last. */
  readonly backends: readonly Backend[];
  /** Whether batches overlap, so that inputs are there four times. */
  readonly pipelined: boolean;
  /** Backends that the application chose, by tensor. */
  readonly pinned?: (tensor: Tensor) => number | undefined;
  /** Is shown the graph with its copies, everything in its place. */
  readonly look?: (graph: SplitGraph) => void;
}

function reset(tensor: Tensor): void {
  tensor.backend = UNASSIGNED;
  tensor.children = 0;
  tensor.views = 0;
  tensor.isAllocated = false;
  tensor.address = 0;
}

/**
 * Gives each tensor of a graph to a backend, cuts the graph where the backend changes, and places
 * everything in a buffer of each (ggml-backend.cpp, `ggml_backend_sched_reserve_size`). Tensors that
 * aren't computed know where they lie (`home`).
 */
export function schedule(graph: ScheduledGraph, options: ScheduleOptions): Scheduled {
  const { backends, pipelined, pinned, look } = options;
  const machine = new Machine(backends);
  for (const tensor of graph.leafs) reset(tensor);
  for (const tensor of graph.nodes) {
    reset(tensor);
    const pin = pinned?.(tensor);
    if (pin !== undefined && machine.supports(pin, tensor)) tensor.backend = pin;
  }
  const assignment = new Assignment(machine, graph);
  assignment.run();
  const splitting = new Splitting(assignment, pipelined ? PIPELINE_COPIES : 1);
  const split = splitting.run();
  const placed = new BackendBuffers(backends);
  placeGraph(split, placed);
  look?.(split);
  splitting.restore();
  return { bytes: placed.buffers.map(({ bytes }) => bytes), parts: split.parts };
}
