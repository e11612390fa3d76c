import semver from 'semver'
import { oldestApiServer } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'

/**
 * Worker only: a kubelet must not be newer than any API server it may talk to (Kubernetes' version skew policy), and
 * nothing in Cluster API holds a worker back outside of managed topologies.
 */
export const apiServers: Step = {
  name: 'api-servers',
  doing: 'checking the control plane',
  // A control plane of several machines can take a while before it is a worker's turn.
  limitSeconds: 7200,
  pollSeconds: 10,
  lookSeconds: 20,
  changes: false,
  needs: { sections: [], membersWithinSeconds: 15 },
  done({ members, target }) {
    const oldest = oldestApiServer(members)
    if ('waitsFor' in oldest) return oldest
    return semver.gte(oldest.value, target) ? 'done' : waiting(`every API server to be at ${target}`)
  },
}
