import t from 'tap'
import { checkGuard, lackOfGuard } from '../src/guard-mode.js'
import { loadAddon } from '../src/platform/addon.js'
import { lackOfGuardProgram } from '../src/platform/guard-process.js'
import type { ServiceSettings } from '../src/service-settings.js'

const service = (output: ServiceSettings['output']): ServiceSettings => ({
  name: 'subject',
  command: 'true',
  args: [],
  heartbeat: 'auto',
  output,
  ownGroup: false,
  policy: {},
})

t.test('a guard process that cannot be had is refused, with why', async (t) => {
  const absent = loadAddon('/no/such/folder')
  const lacks = lackOfGuard(absent, 'process')
  t.match(lacks, /not built for this machine/)
  t.throws(() => checkGuard('process', lacks, []), {
    code: 'unavailable',
    message: /cannot use --guard "process".*not built/,
  })
  t.doesNotThrow(() => checkGuard('thread', lacks, [service('pass')]), 'hangdog works without')
  t.match(lackOfGuardProgram('/no/such/folder'), /there is none in \/no\/such\/folder/)
})

t.test('a guard that was turned off is none', async (t) => {
  t.match(lackOfGuard(loadAddon(), 'none'), /turned off/)
})

t.test('a service that writes through hangdog cannot outlive it', async (t) => {
  t.throws(() => checkGuard('process', undefined, [service('file'), service('pass')]), { code: 'config' })
  t.doesNotThrow(() => checkGuard('process', undefined, [service('file'), service('inherit')]))
  t.doesNotThrow(() => checkGuard('thread', undefined, [service('pass')]))
  const page = { ...service('file'), heartbeat: 'page' }
  t.throws(() => checkGuard('process', undefined, [page]), { code: 'unavailable', message: /"page"/ })
  t.doesNotThrow(() => checkGuard('thread', undefined, [page]))
})
