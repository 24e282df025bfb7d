import t from 'tap'
import { buildGo, makeFolder, needs } from '../fixtures/evidence/program.js'
import { hangdog, runService, stateDirectory } from './hangdog.js'

t.test(
  'a Go service that is ended by SIGQUIT leaves its goroutines in the incident',
  { skip: needs('go') },
  async (t) => {
    const service = buildGo(makeFolder(t), 'two-locks', ['-ldflags=-s -w'])
    const directory = stateDirectory(t)
    const limits = ['--start-timeout', '1s', '--timeout', '1s', '--action', 'terminate', '--restart', 'never']
    const ran = runService(
      t,
      ['--heartbeat', 'notify', ...limits, '--terminate-signal', 'SIGQUIT'],
      [service],
      directory,
    )
    t.equal((await ran.finished).code, 124, 'an end by SIGQUIT is hangdog’s own and no crash')
    t.ok(ran.has('terminate-proven'))
    t.notOk(ran.has('kill-requested'), 'the program has ended by itself')
    const { stdout } = await hangdog(t, ['incident', 'list', '--json', '--state-dir', directory])
    const { id } = JSON.parse(stdout.split('\n')[0] ?? '')
    const shown = await hangdog(t, ['incident', 'show', id, '--state-dir', directory])
    t.match(shown.stdout, /Output up to its end by SIGQUIT[\s\S]*goroutine 1 \[sema[\s\S]*main\.transfer\(/)
  },
)
