import { existsSync } from 'node:fs'
import t from 'tap'
import { createOwnGroup, isFrozen, parseCgroupMounts, parseMembership } from '../../src/platform/linux-cgroup.js'
import { readKernelFile } from '../../src/platform/linux-proc.js'

t.test('both hierarchies of a hybrid machine are found, and escapes in their paths are read', async (t) => {
  const text = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '37 31 0:34 /inner /sys/fs/cgroup/free\\040zer rw,relatime shared:9 - cgroup cgroup rw,freezer',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    '',
  ].join('\n')
  t.same(parseCgroupMounts(text), {
    unified: { directory: '/sys/fs/cgroup/unified', root: '/' },
    freezer: { directory: '/sys/fs/cgroup/free zer', root: '/inner' },
  })
  t.same(parseCgroupMounts(''), {})
})

t.test('the groups of a process are found by hierarchy', async (t) => {
  t.same(parseMembership('9:name=systemd:/a\n6:cpu,freezer:/b\n0::/c:d\n'), { freezer: '/b', unified: '/c:d' })
  t.same(parseMembership(''), {})
})

t.test('without mounts nothing is frozen and no group is made, with the reason', async (t) => {
  t.equal(isFrozen({}, process.pid), false)
  t.equal(createOwnGroup({}, 'subject'), 'no cgroup v2 hierarchy is mounted')
})

t.test('a group that is made can be removed, and the name of the service cannot lead elsewhere', async (t) => {
  const group = createOwnGroup(parseCgroupMounts(readKernelFile('/proc/self/mountinfo') ?? ''), '../../x y')
  if (typeof group === 'string') {
    t.plan(0, `skipped: ${group}`)
    return
  }
  t.match(group.directory, /\/hangdog\/______x_y-[0-9a-f]{8}$/)
  t.ok(existsSync(group.directory))
  t.same(group.members(), [])
  t.equal(group.remove(), true)
  t.equal(group.remove(), true, 'a second time changes nothing')
  t.notOk(existsSync(group.directory))
  t.equal(group.kill(), false)
})
