/** A process as /proc names it: a number, or `self` for the one that reads. */
export type ProcessId = number | "self";
