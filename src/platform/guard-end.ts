import { HangdogError } from '../errors.js'
import type { Guard } from './guard.js'
import { pollEnd } from './linux-lineage.js'
import type { ProcessIdentity } from './platform.js'

/** Resolves when a process that the guard watches has ended; what it had said before is delivered by then. Never rejects. */
export function endOf(guard: Guard, process: number): Promise<void> {
  return new Promise((resolve) => {
    const listener = {
      processEnded: (ended: number): void => {
        if (ended !== process) return
        guard.unlisten(listener)
        resolve()
      },
    }
    guard.listen(listener)
    if (guard.hasEnded(process)) listener.processEnded(process)
  })
}

/** As above, for a process that the guard is to watch for this alone. Without the guard it takes a little longer. */
export async function watchEnd(guard: Guard, identity: ProcessIdentity): Promise<void> {
  let process: number
  try {
    process = guard.watchProcess(identity)
  } catch (error) {
    if (!(error instanceof HangdogError)) throw error
    // It has ended already; or the guard has no room for another.
    return await pollEnd(identity)
  }
  // A guard that is lost tells nothing.
  await Promise.race([endOf(guard, process), pollEnd(identity, true)])
  guard.forgetProcess(process)
}
