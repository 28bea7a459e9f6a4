/** An environment's variables by name; `undefined` where one isn't set. */
export type Environment = (name: string) => string | undefined;

/** This process's environment; a variable that it may not read counts as not set. */
export const processEnvironment: Environment = (name) => {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
};

/** Where names of models are looked up. */
export interface LocateOptions {
  /** Where variables are looked up; this process's own unless told otherwise. */
  readonly environment?: Environment;
  /** The folder that stands for `/`: what a service keeps for all users is looked for below it. */
  readonly root?: string;
}

/**
 * A path with a leading `~` as the home folder: shells leave it where it stands behind an equals
 * sign or in quotes, and jar files and environments have no shell.
 */
export function expandHome(path: string, environment: Environment = processEnvironment): string {
  if (!/^~(?=$|[/\\])/.test(path)) return path;
  const home = environment("HOME") ?? environment("USERPROFILE");
  return home ? home.replace(/[/\\]$/, "") + path.slice(1) : path;
}
