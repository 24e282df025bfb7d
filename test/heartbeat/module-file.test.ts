import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findModuleFile } from '../../src/heartbeat/module-file.js'

t.test('a file that only has the number of the kernel module is never written to', async (t) => {
  const path = join(t.testdir({ file: 'as it was' }), 'file')
  const fd = openSync(path, 'r+')
  t.teardown(() => closeSync(fd))
  findModuleFile({ HANGDOG_MODULE_FD: String(fd) })()
  t.equal(readFileSync(path, 'utf8'), 'as it was')
})

t.test('nor is what is no descriptor, or none that could be handed over', async (t) => {
  for (const text of [undefined, '', '1', '-1', '3.5', 'x', '99999']) {
    t.doesNotThrow(findModuleFile(text === undefined ? {} : { HANGDOG_MODULE_FD: text }))
  }
})
