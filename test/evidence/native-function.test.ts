import t from 'tap'
import { selectNativeFunction } from '../../src/evidence/native-function.js'

t.test('the main thread is found among the threads of gdb and of eu-stack', async (t) => {
  const gdb = [
    'Thread 2 (LWP 2):',
    '#0  other () at a.c:1',
    'Thread 1 (LWP 1):',
    '#0  0x00005 in wait_stock (n=...) at b.c:2',
  ]
  t.equal(selectNativeFunction(gdb), 'wait_stock')
  const elfutils = ['PID 1 - process', 'TID 1:', '#0  0x00007f0 - 1 wait_stock', 'TID 2:', '#0  0x00007f1 other']
  t.equal(selectNativeFunction(elfutils), 'wait_stock')
})

t.test('what JavaScript called in Node comes before what that called in turn', async (t) => {
  const stack = [
    'Thread 1 (LWP 1):',
    '#0  0x0000000001d2ee1c in OPENSSL_cleanse ()',
    '#1  0x0000000000e3c4da in node::crypto::PBKDF2Traits::DeriveBits(node::Environment*, std::vector<int, x<int> >) ()',
    '#2  0x0000000000eb5831 in non-virtual thunk to node::crypto::DeriveBitsJob<node::crypto::PBKDF2Traits>::Do() ()',
    '#3  0x000000000195e376 in Builtins_CEntry_Return1 ()',
    '#4  0x000000000195e376 in node::SpinEventLoop(node::Environment*) ()',
  ]
  t.equal(selectNativeFunction(stack), 'node::crypto::PBKDF2Traits::DeriveBits')
})

t.test('names that tell nothing are no name', async (t) => {
  t.equal(selectNativeFunction([]), undefined)
  t.equal(selectNativeFunction(['Thread 1 (LWP 1):', '#0  0x0000 in ?? ()', '#1  0x0001 in __libc_read ()']), undefined)
})
