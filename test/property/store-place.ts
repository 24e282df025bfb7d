import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { HolderIdentity } from '../../src/file-lock.js'
import { isAlive, thisProcess } from '../../src/process-identity.js'
import { type FileStoreOptions, openFileStore } from '../../src/property/file-store.js'
import type { PropertyStore, StoreTrouble } from '../../src/property/store.js'
import { systemClock } from '../../src/system-clock.js'
import { seconds } from '../../src/time.js'

/** The real one. */
export const identity: HolderIdentity = { self: thisProcess, isAlive }

/** A directory of its own for a test, removed after it. */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-property-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A store with a patience for a busy machine. */
export function openStore(directory: string, options: Partial<FileStoreOptions> = {}): PropertyStore {
  return openFileStore({ directory, clock: systemClock, identity, lockLimit: seconds(60), ...options })
}

/** A store that has its troubles listed. */
export function openTroubled(directory: string): { readonly store: PropertyStore; readonly troubles: StoreTrouble[] } {
  const troubles: StoreTrouble[] = []
  return { store: openStore(directory, { trouble: (trouble) => troubles.push(trouble) }), troubles }
}
