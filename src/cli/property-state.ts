import type { ChangeContext } from '../property/change-target.js'
import type { PropertyChange, PropertySnapshot, PropertyStore } from '../property/store.js'
import {
  checkHolder,
  findStateDirectory,
  layOutStateDirectory,
  openStateDirectory,
  type StateDirectory,
} from '../state-directory.js'
import type { Output } from './output.js'

export interface PropertyState {
  readonly directory: StateDirectory
  readonly snapshot: PropertySnapshot
}

/**
 * What is stored. Where nothing was ever stored everything has its default, but a state directory that was named has to be there.
 * @throws HangdogError `unavailable`, `data` or `permission` when it cannot be read
 */
export async function readState(path: string | undefined, output: Output): Promise<PropertyState> {
  const directory = path === undefined ? layOutStateDirectory(path) : findStateDirectory(path)
  const store = await openStore(directory, output)
  try {
    return { directory, snapshot: await store.read() }
  } catch (error) {
    // The files of another user are refused; who that is, and what to do, says more than what is wrong with a file.
    checkHolder(directory)
    throw error
  }
}

/**
 * Stores changes, all or none, and has the hangdogs that run apply them.
 * @param plan makes the changes; when it throws, nothing was touched
 * @returns the state afterwards
 * @throws HangdogError of `plan`, and those of PropertyStore; `permission` when the directory is another user's
 */
export async function changeState(
  path: string | undefined,
  output: Output,
  plan: (context: ChangeContext) => readonly PropertyChange[],
): Promise<PropertyState & { readonly changes: readonly PropertyChange[] }> {
  checkHolder(layOutStateDirectory(path))
  const { refuseText } = await import('./property-texts.js')
  const stored = await (await openStore(layOutStateDirectory(path), output)).read()
  const changes = plan({ stored, user: process.geteuid?.(), refuseText })
  const directory = openStateDirectory(path)
  const store = await openStore(directory, output)
  const snapshot = await store.change(changes, { uid: process.getuid?.(), pid: process.pid })
  const { announceChanges } = await import('./live-properties.js')
  await announceChanges(directory, changes, output)
  return { directory, snapshot, changes }
}

async function openStore({ root }: StateDirectory, output: Output): Promise<PropertyStore> {
  const [{ openFileStore }, { systemClock }, { isAlive, thisProcess }] = await Promise.all([
    import('../property/file-store.js'),
    import('../system-clock.js'),
    import('../process-identity.js'),
  ])
  return openFileStore({
    directory: root,
    clock: systemClock,
    identity: { self: thisProcess, isAlive },
    trouble: ({ text }) => output.note(text),
  })
}
