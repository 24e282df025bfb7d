import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLinuxPlatform } from '../../src/platform/linux.js'
import { platformContract } from '../contract/platform.js'
import { temporaryDirectory } from './support.js'

platformContract(t, (t) => {
  const directory = temporaryDirectory(t)
  const bugCheckFiles = {
    sysrqTrigger: join(directory, 'sysrq-trigger'),
    kexecLoaded: join(directory, 'kexec-crash-loaded'),
    kernelLog: join(directory, 'kmsg'),
  }
  writeFileSync(bugCheckFiles.sysrqTrigger, '')
  writeFileSync(bugCheckFiles.kexecLoaded, '0\n')
  const platform = createLinuxPlatform({ bugCheckFiles })
  return { platform, ender: platform, acts: true, sysrqTrigger: bugCheckFiles.sysrqTrigger }
})
