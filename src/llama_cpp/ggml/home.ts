/** Where something lies that isn't computed: a weight, a cache, a state. */
export interface Home {
  /** The backend whose memory it is; the CPU's for RAM. */
  readonly backend: number;
  /** Whether it is a weight: what is computed with one is best computed where it lies. */
  readonly isWeight: boolean;
  /** In RAM as everybody reads it; not where it is laid out anew for the CPU, nor on a device. */
  readonly isHost: boolean;
  /** In pinned RAM, which some devices read. */
  readonly isPinned: boolean;
}
