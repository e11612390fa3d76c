// Runs a TypeScript file of this repository from a bare clone: `node scripts/bootstrap.mjs <file> [arguments]`.
// Plain JavaScript for any Node that has npm, because nothing is installed when it starts.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'capd-kubeadm-upgrader')

const node = usableNode()
installPackages()
run(process.argv.slice(2))

// The path of a Node that is new enough: the running one, else the pinned one from npm's platform packages.
function usableNode() {
  const minimum = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '')
  if (process.versions.node.localeCompare(minimum, 'en', { numeric: true }) >= 0) return process.execPath
  const home = join(cache, `node-${digest('scripts/node/package-lock.json')}`)
  const binary = join(home, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  if (!existsSync(binary)) {
    console.error(`Node ${process.versions.node} is older than ${minimum}: installing a newer one into ${home}`)
    const staging = `${home}.${process.pid}.tmp`
    mkdirSync(staging, { recursive: true })
    cpSync(join(root, 'scripts/node'), staging, { recursive: true })
    npmCi(staging, process.execPath)
    rmSync(home, { recursive: true, force: true })
    renameSync(staging, home)
  }
  if (existsSync(binary)) return binary
  console.error(`npm has no Node package for ${process.platform} ${process.arch}: install Node ${minimum} or newer.`)
  process.exit(1)
}

// Installs node_modules again when package-lock.json has changed since, or when the last install did not finish.
function installPackages() {
  const stamp = join(root, 'node_modules/.installed-from')
  const lock = digest('package-lock.json')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('Installing npm packages from package-lock.json')
  npmCi(root, node)
  writeFileSync(stamp, lock)
}

function npmCi(folder, nodeBinary) {
  const npm = spawnSync('npm', ['ci', '--no-progress'], {
    cwd: folder,
    env: withNodeFirst(nodeBinary),
    stdio: ['ignore', 2, 2],
  })
  if (npm.status === 0) return
  console.error(npm.error ? `npm could not be started: ${npm.error.message}` : `npm ci failed in ${folder}`)
  process.exit(1)
}

function run(argv) {
  const child = spawn(node, argv, { cwd: root, env: withNodeFirst(node), stdio: 'inherit' })
  // A terminal sends SIGINT to the child too, so this process waits until the child has cleaned up. SIGTERM reaches only
  // this process, which passes it on.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

function withNodeFirst(nodeBinary) {
  return { ...process.env, PATH: dirname(nodeBinary) + delimiter + process.env.PATH }
}

function digest(file) {
  return createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex')
    .slice(0, 16)
}
