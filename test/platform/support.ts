import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Platform, ServiceProcess, SpawnRequest } from '../../src/platform/platform.js'

/** Waits until something holds; fails loudly after a limit that is generous on a busy machine. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-platform-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/platform/${name}`, import.meta.url))
}

/** Environment that programs of the tests need. */
export const environment: Readonly<Record<string, string>> = { PATH: process.env.PATH ?? '/usr/bin:/bin' }

export function request(command: string, args: readonly string[], rest: Partial<SpawnRequest> = {}): SpawnRequest {
  return { name: 'subject', command, args, environment, output: 'pass', ownGroup: false, ...rest }
}

/** Starts a service that is ended with the test, by numbers that are checked again. */
export async function start(
  t: Test,
  platform: Platform,
  ender: Platform,
  wanted: SpawnRequest,
): Promise<ServiceProcess> {
  const service = await platform.spawn(wanted)
  t.teardown(async () => {
    await until('nothing is left', async () => {
      const left = await ender.survivors(service)
      for (const one of left) ender.signal(one, 'SIGKILL')
      return left.length === 0
    })
    await service.exited
    // By now the group of its own is empty; looking once more removes it.
    await ender.survivors(service)
  })
  return service
}
