import type { Heartbeat } from './heartbeat/client.js'
import { HeartbeatClient } from './heartbeat/client.js'

/** The heartbeat of this program. Does nothing when hangdog does not watch it. */
export const heartbeat: Heartbeat = new HeartbeatClient(process.env)

export { HangdogError } from './errors.js'
export type { ChannelOptions, Heartbeat, HeartbeatChannel } from './heartbeat/client.js'
