import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** What `tools/vm-setup.mjs` provided. All paths are absolute. */
export interface Preparation {
  /** Version of the kernel, as `uname -r` prints it. */
  readonly release: string
  readonly image: string
  /** Directory of the kernel's modules. */
  readonly modules: string
  readonly initramfs: string
}

/** What was prepared, or why virtual machines cannot be run here, for people who read a list of skipped tests. */
export function findPreparation(): Preparation | string {
  if (process.getuid?.() !== 0) return 'a virtual machine that sees this file system needs root'
  const file = join(cacheDirectory(), 'prepared.json')
  if (!existsSync(file)) return 'virtual machines are not prepared here; run: npm run test:vm'
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!isPreparation(found)) return `"${file}" is not what tools/vm-setup.mjs writes; remove it`
  const gone = [found.image, found.modules, found.initramfs].find((path) => !existsSync(path))
  return gone === undefined ? found : `"${gone}" is gone; run: npm run test:vm`
}

/** The same rule as in tools/vm-setup.mjs. */
function cacheDirectory(): string {
  const { HANGDOG_VM_CACHE: own, XDG_CACHE_HOME: home = '' } = process.env
  return own ?? join(isAbsolute(home) ? home : join(homedir(), '.cache'), 'hangdog-vm')
}

function isPreparation(value: unknown): value is Preparation {
  if (typeof value !== 'object' || value === null) return false
  const fields = new Map<string, unknown>(Object.entries(value))
  return ['release', 'image', 'modules', 'initramfs'].every((name) => typeof fields.get(name) === 'string')
}
