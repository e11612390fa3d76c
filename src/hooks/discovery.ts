import { discoveryResponse } from '../contract/answers.ts'

/**
 * Answers discovery with the hooks that are served. It does not read the request and cannot fail: Cluster API's core
 * manager exits when discovery fails for 60 s at its start. Source: CAPI v1.14.2
 * core/reconcilers/extensionconfig/warmup.go.
 */
export function answerDiscovery() {
  return discoveryResponse()
}
