import { execFileSync } from 'node:child_process'
import { findPreparation } from './preparation.js'
import { projectRoot } from './qemu-command.js'

/**
 * Words of the kernel's command line that tell the guest where the kernel module and the programs that try it are. Builds them when
 * their sources have changed. Empty where no virtual machine can be run: then the test is skipped anyway.
 */
export function moduleArguments(): readonly string[] {
  if (typeof findPreparation() === 'string') return []
  const built = execFileSync(process.execPath, [`${projectRoot}/tools/vm-module.mjs`], { encoding: 'utf8' }).trim()
  return [`HD_BUILT=${built}`]
}
