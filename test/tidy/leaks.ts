import type { Source } from './source.js';

/** A home folder, or a folder that exists on one machine only, as the start of a path. */
const MACHINE_PATH =
  /(?<![\w.~/*}-])\/(?:(?:root|work)(?![\w$])|home\/[a-z]|Users\/[A-Za-z])|\b[A-Z]:\\Users\\/;

/** Lines that hold a path of the author's machine. */
export function machinePaths(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (MACHINE_PATH.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
}

/** Places where a lock file or npm's settings name the registry that their author used. */
export function registryHosts(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        /"resolved": "[a-z+]+:|^\s*(@[\w-]+:)?registry\s*=|_authToken/.test(line)
          ? [`${path}:${index + 1}`]
          : [],
      ),
  );
}
