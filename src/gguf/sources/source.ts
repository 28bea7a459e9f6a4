/** Where a header's bytes come from: a file, a server, memory. */
export interface ByteSource {
  /** Path or URL, as errors name it. */
  readonly path: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /**
   * Reads from `offset` into the front of `into` and returns how many bytes that were: at least one
   * unless the source ends there. A source that needn't wait answers without a promise.
   */
  read(offset: number, into: Uint8Array): number | Promise<number>;
  close(): void;
}
