import { fstatSync, statSync, writeSync } from 'node:fs'

/** Names the descriptor of the kernel's countdown that hangdog handed to a service. */
export const moduleVariable = 'HANGDOG_MODULE_FD'

/**
 * What beats the kernel's countdown of this program: one write, which never waits. Does nothing when hangdog handed us none, and from the
 * first refusal on: the variable is inherited by processes that the countdown is not about.
 */
export function findModuleFile(environment: NodeJS.ProcessEnv): () => void {
  const fd = Number(environment[moduleVariable])
  if (!Number.isInteger(fd) || fd < 3 || !isModule(fd)) return () => {}
  let usable = true
  return () => {
    if (!usable) return
    try {
      writeSync(fd, '\n')
    } catch {
      usable = false
    }
  }
}

/** Another file may have that number in a process that inherited the variable alone; it must not be written to. */
function isModule(fd: number): boolean {
  try {
    const found = fstatSync(fd)
    return found.isCharacterDevice() && found.rdev === statSync('/dev/hangdog').rdev
  } catch {
    return false
  }
}
