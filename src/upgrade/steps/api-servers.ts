import semver from 'semver'
import { oldestApiServer, servedVersion } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'

const versionPath = '/version'

/**
 * Worker only: waits until no API server is older than the target. The kubelet must not be newer than any API server
 * (Kubernetes' version skew policy), and Cluster API enforces this only in managed topologies.
 */
export const apiServers: Step = {
  name: 'api-servers',
  doing: 'checking the control plane',
  // The upgrade of a control plane with several machines takes a while.
  limitSeconds: 7200,
  pollSeconds: 10,
  lookSeconds: 20,
  changesMachine: false,
  needs: { sections: [], api: () => [versionPath], membersWithinSeconds: 15 },
  done({ members, observation, target }) {
    // A hosted control plane has no machines, so the API itself has to report the version.
    const oldest = members.length > 0 ? oldestApiServer(members) : servedVersion(observation.api.get(versionPath))
    if ('waitsFor' in oldest) return oldest
    return semver.gte(oldest.value, target) ? 'done' : waiting(`every API server to be at ${target}`)
  },
}
