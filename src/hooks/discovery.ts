import { discoveryResponse } from '../contract/answers.ts'

// Says which hooks are served. It reads nothing of the request and cannot fail: CAPI's core manager exits
// when discovery fails for 60 s at its start (core/reconcilers/extensionconfig/warmup.go).
export function answerDiscovery() {
  return discoveryResponse()
}
