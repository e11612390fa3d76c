import { parseArgs } from 'node:util'
import { type Lab, labUp } from '../scripts/lab/lab.ts'
import { serveReleases } from '../scripts/lab/release-server.ts'
import { coversAll, discover, post } from './cluster-api.ts'
import { moveKubeProxy, nameVersion } from './control-plane-controller.ts'
import { inMachine } from './machine.ts'
import { checkOldOnly } from './old-only.ts'
import { beforeAfter, heading, secondsPerStep, type Upgraded } from './report.ts'
import { captured, type Role, type Subject } from './requests.ts'
import { type Service, startService } from './service.ts'
import { snapshot } from './snapshot.ts'
import { unexpectedChanges } from './traces.ts'
import { untilUpdated } from './update.ts'
import { isAt, isUntouched, problems } from './verify.ts'

const usage = `Usage: npm run demo [-- options]

Upgrades a real control plane machine and a real worker machine in place, through the hooks of Cluster API:
brings up the lab where it is not, starts the service, plays Cluster API's part, and lets a verifier of its own
compare the machines before and after. Exit code 0 when everything is so, else 1 with the reasons.

  --fresh           begin with new machines of the old version
  --only <role>     upgrade only the control-plane or only the worker
  --fault <name>    let the service misbehave: done-too-early (the demo must then fail)
  --help            show this
`
