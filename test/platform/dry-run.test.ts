import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDryRunPlatform } from '../../src/platform/dry-run.js'
import { createLinuxPlatform } from '../../src/platform/linux.js'
import { milliseconds } from '../../src/time.js'
import { platformContract } from '../contract/platform.js'
import { request, start, temporaryDirectory } from './support.js'

platformContract(t, (t) => {
  const directory = temporaryDirectory(t)
  const sysrqTrigger = join(directory, 'sysrq-trigger')
  writeFileSync(sysrqTrigger, '')
  const files = { sysrqTrigger, kexecLoaded: join(directory, 'none'), kernelLog: join(directory, 'none') }
  const ender = createLinuxPlatform({ bugCheckFiles: files })
  return { platform: createDryRunPlatform(ender, () => {}), ender, acts: false, sysrqTrigger }
})

t.test('each action that is only pretended is reported, with the service it is about', async (t) => {
  const ender = createLinuxPlatform({ bugCheckFiles: { sysrqTrigger: '/no/such/file' } })
  const reports: string[] = []
  const platform = createDryRunPlatform(ender, (action) => reports.push(action))
  const service = await start(t, platform, ender, request('sleep', ['600']))
  platform.terminate(service, 'SIGTERM')
  platform.kill(service)
  await platform.bugCheck({ service: 'subject', pid: 1, timeout: milliseconds(1), incident: 'one' })
  const { pid } = service.identity
  t.match(reports, [
    new RegExp(`^would send SIGTERM to sleep \\(pid ${pid}\\)`),
    new RegExp(`^would send SIGKILL to sleep \\(pid ${pid}\\)`),
    /^would stop the machine for service subject \(cannot stop the machine: /,
  ])
})
