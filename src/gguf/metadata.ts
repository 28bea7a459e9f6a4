import type { GgufHeader } from "./header.ts";

/** Whatever has metadata: a whole model or one part. */
type HasMetadata = Pick<GgufHeader, "metadata">;

/** The text of a metadata entry; `undefined` where it isn't there or isn't text. */
export function textOf(header: HasMetadata, key: string): string | undefined {
  const value = header.metadata.get(key);
  return typeof value === "string" ? value : undefined;
}

/** The number of a metadata entry; `undefined` where it isn't there or isn't a safe number. */
export function numberOf(header: HasMetadata, key: string): number | undefined {
  const value = header.metadata.get(key);
  return typeof value === "number" ? value : undefined;
}
