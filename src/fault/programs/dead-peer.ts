import { once } from 'node:events'
import { connect } from 'node:net'
import { serve } from './fault-service.js'
import { startPeer } from './silent-peer.js'

const peer = connect(await startPeer(), '127.0.0.1')
await once(peer, 'connect')

await serve(async (order) => {
  peer.write(order.isDue() ? 'lost\n' : 'price\n')
  await once(peer, 'data')
})
