import { checkRequest, type MaintenanceRequest } from '../maintenance/window.js'
import { parseDuration } from '../time.js'

/** What a command line asks for. @throws HangdogError `usage` when it cannot be granted, whatever the services are */
export function readRequest(
  service: string | undefined,
  options: { readonly for: string; readonly reason: string },
): MaintenanceRequest {
  const request = {
    service,
    for: parseDuration(options.for, '--for'),
    reason: options.reason,
    author: { uid: process.getuid?.(), pid: process.pid },
  }
  checkRequest(request)
  return request
}
