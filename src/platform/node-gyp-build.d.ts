/** What we use of a package that has no types of its own. */
declare module 'node-gyp-build' {
  /** Finds the addon of a folder: in build/Release, else in prebuilds for this processor and libc. Throws when there is none. */
  export function path(folder: string): string
}
