/** What every answer carries: nothing from elsewhere is loaded, framed, guessed, kept or told. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // Whoever compressed the updates would hold them back.
  "cache-control": "no-store, no-transform",
};

/**
 * An answer with the headers that all have.
 *
 * @example
 * ```ts
 * import { answer } from "./answers.ts";
 * const response = answer("Hello", { type: "text/plain; charset=utf-8" });
 * if (response.headers.get("x-content-type-options") !== "nosniff") throw new Error("Guessed");
 * ```
 */
export function answer(
  body: BodyInit | null,
  { status = 200, type, headers = {} }: {
    readonly status?: number;
    readonly type?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Response {
  return new Response(body, {
    status,
    headers: {
      ...SECURITY_HEADERS,
      ...(type === undefined ? {} : { "content-type": type }),
      ...headers,
    },
  });
}

/** Why a request got nothing, for a person and for a program. */
export function refusal(
  { status, code, message }: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
  },
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answer(`${JSON.stringify({ code, message })}\n`, {
    status,
    type: "application/json",
    headers,
  });
}
