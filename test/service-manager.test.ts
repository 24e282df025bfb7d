import t from 'tap'
import { readServiceManager } from '../src/service-manager.js'

t.test('without a socket there is no service manager', async (t) => {
  t.same(readServiceManager({}, 7), { kind: 'none' })
  t.same(readServiceManager({ NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000' }, 7), { kind: 'none' })
})

t.test('a limit counts when it is for this process', async (t) => {
  const socket = '/run/notify'
  const read = (more: NodeJS.ProcessEnv) => readServiceManager({ NOTIFY_SOCKET: socket, ...more }, 7)
  t.same(read({}), { kind: 'found', socket, limit: undefined })
  t.same(read({ WATCHDOG_USEC: '2000000' }), { kind: 'found', socket, limit: 2000 })
  t.same(read({ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '7' }), { kind: 'found', socket, limit: 2000 })
  t.same(read({ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '8' }), { kind: 'found', socket, limit: undefined })
  t.match(readServiceManager({ NOTIFY_SOCKET: '@abc' }, 7), { socket: '@abc' })
})

t.test('what makes no sense is said', async (t) => {
  const wrong: readonly NodeJS.ProcessEnv[] = [
    { NOTIFY_SOCKET: 'relative' },
    { NOTIFY_SOCKET: 'vsock:2:1' },
    { NOTIFY_SOCKET: '@' },
    { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '0' },
    { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '-5' },
    { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2s' },
    { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '18446744073709551615' },
    { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '5', WATCHDOG_PID: 'x' },
  ]
  for (const environment of wrong) t.match(readServiceManager(environment, 7), { kind: 'wrong', reason: /^expected / })
})
