import { versionClaim } from '../claims.ts'
import type { Field } from './field.ts'

const notCompared = true
const clusterApi = 'Only Cluster API uses it; the machine does not have it'

/**
 * The fields of a Machine's spec. Source of what is not compared: CAPI v1.14.2 internal/util/inplace/inplace.go
 * (CleanupMachineSpecForDiff).
 */
export const machine: readonly Field[] = [
  { path: 'version', kept: 'Nothing is upgraded', claim: versionClaim },
  { path: 'clusterName', kept: 'It identifies the cluster of a machine (locate.ts)', notCompared },
  {
    path: 'bootstrap',
    below: ['configRef', 'configRef.kind', 'configRef.name', 'configRef.apiGroup', 'dataSecretName'],
    kept: 'Nothing is bootstrapped again',
    notCompared,
  },
  { path: 'infrastructureRef', below: ['kind', 'name', 'apiGroup'], kept: clusterApi, notCompared },
  { path: 'providerID', kept: 'It names the container (locate.ts)', notCompared },
  { path: 'failureDomain', kept: 'The container stays where it is' },
  { path: 'minReadySeconds', kept: clusterApi, notCompared },
  { path: 'readinessGates', below: ['[].conditionType', '[].polarity'], kept: clusterApi, notCompared },
  {
    path: 'deletion',
    below: ['nodeDrainTimeoutSeconds', 'nodeVolumeDetachTimeoutSeconds', 'nodeDeletionTimeoutSeconds'],
    kept: clusterApi,
    notCompared,
  },
  {
    path: 'taints',
    below: ['[].key', '[].value', '[].effect', '[].propagation'],
    kept: 'The Node has them, and keeps them',
    notCompared,
  },
]
