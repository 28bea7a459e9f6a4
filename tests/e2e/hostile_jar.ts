// A jar's process that does well until its second thought and then does as its first word says, once:
// `hostile_jar.ts HOW DONE COMMAND…`; where the file DONE is, it does well. What it starts is the jar.

/** Exit codes after which the shell that started it closes that and lives on: Deno can't. */
const CLOSES_STDIN = 70;
const CLOSES_STDOUT = 71;

const [how = "", done = "", program = "", ...args] = Deno.args;

const encoder = new TextEncoder();

function write(text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

const jar = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();

/** Never ends by itself. */
function livesOn(): void {
  setInterval(() => {}, 1000);
}

let thoughts = 0;
let lastThought = "";

/** What is done instead of passing a line on; false where it is passed on. */
const DOES: Readonly<Record<string, (line: string) => boolean>> = {
  "cuts a line and ends": (line) => {
    if (!isSecondThought(line)) return false;
    write(line.slice(0, -10));
    jar.kill("SIGKILL");
    Deno.exit(0);
  },
  "cuts a line and goes on": (line) => {
    if (!isSecondThought(line)) return false;
    write(`${line.slice(0, -10)}\n`);
    return true;
  },
  "says a line without an end": (line) => {
    if (!isSecondThought(line)) return false;
    for (;;) write("x".repeat(65_536));
  },
  "prints in mid-thought": (line) => {
    if (thoughts === 0 || !line.includes('"answer":"text"')) return false;
    write(`${line}\nNVRM: loading drivers\n`);
    return true;
  },
  "answers die with a thought": (line) => {
    if (!line.includes('"answer":"died"')) return false;
    write(`${lastThought}\n`);
    return true;
  },
  "closes its stdout and lives on": (line) => {
    if (!isSecondThought(line)) return false;
    jar.kill("SIGKILL");
    Deno.exit(CLOSES_STDOUT);
  },
  "closes its stdin and lives on": (line) => {
    if (!isSecondThought(line)) return false;
    jar.kill("SIGKILL");
    Deno.exit(CLOSES_STDIN);
  },
  "thinks without end": (line) => {
    if (thoughts === 0 || !line.includes('"answer":"text"')) return false;
    for (;;) write(`${line}\n`);
  },
  "ignores that it is to end": () => false,
};

const does = DOES[how];
if (does === undefined) throw new Error(`No such way: ${how}`);
const isDeaf = how === "ignores that it is to end";
if (isDeaf) {
  for (const signal of ["SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  livesOn();
}

function isSecondThought(line: string): boolean {
  return thoughts === 1 && line.includes('"answer":"thought"');
}

/** Whether it has done what it does, in this process or in the one before. */
function isDone(): boolean {
  try {
    return Deno.statSync(done).isFile;
  } catch {
    return false;
  }
}

async function hear(): Promise<void> {
  const requests = jar.stdin.getWriter();
  try {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) break;
      await requests.write(buffer.slice(0, count));
    }
    if (!isDeaf) await requests.close();
  } catch {
    // Whoever asks or answers is gone.
  }
}

async function tell(): Promise<void> {
  const isGood = isDone();
  let rest = "";
  for await (const piece of jar.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) say(line, isGood);
  }
}

let isSilent = false;

function say(line: string, isGood: boolean): void {
  if (isSilent) return;
  if (!isGood && does?.(line) === true) {
    isSilent = true;
    return;
  }
  if (line.includes('"answer":"thought"')) {
    thoughts++;
    lastThought = line;
    // Whatever becomes of this process: the next one is good.
    if (thoughts === 1 && !isDeaf) Deno.writeTextFileSync(done, "");
  }
  write(`${line}\n`);
}

hear();
await tell();
const { code } = await jar.status;
if (!isDeaf && !isSilent) Deno.exit(code);
