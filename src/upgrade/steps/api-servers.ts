import semver from 'semver'
import { oldestApiServer, servedVersion } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'

const versionPath = '/version'

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
  needs: { sections: [], api: () => [versionPath], membersWithinSeconds: 15 },
  done({ members, observation, target }) {
    // A hosted control plane has no machines: what there is to know is what the API itself reports.
    const oldest = members.length > 0 ? oldestApiServer(members) : servedVersion(observation.api.get(versionPath))
    if ('waitsFor' in oldest) return oldest
    return semver.gte(oldest.value, target) ? 'done' : waiting(`every API server to be at ${target}`)
  },
}
