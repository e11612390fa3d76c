// Runs a TypeScript file of this repository from a bare clone: `node scripts/bootstrap.mjs <file> [arguments]`.
// Plain JavaScript for any Node that has npm, because nothing is installed when it starts.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules/.installed-from')
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'capd-kubeadm-upgrader')

const node = usableNode()
if (!areInstalled()) oneAtATime(installPackages)
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

// False when package-lock.json has changed since the packages were installed, or when the last install did not finish.
function areInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest('package-lock.json')
}

function installPackages() {
  // Another command may have installed them since.
  if (areInstalled()) return
  console.error('Installing npm packages from package-lock.json')
  npmCi(root, node)
  writeFileSync(stamp, digest('package-lock.json'))
}

// Two commands in a new clone would otherwise install into the same folder. A lock that a killed process has left is removed.
function oneAtATime(install) {
  const lock = join(cache, `install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`)
  const own = `${lock}.${process.pid}`
  mkdirSync(cache, { recursive: true })
  writeFileSync(own, String(process.pid))
  while (!isTaken(lock, own)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  install()
  rmSync(lock, { force: true })
}

// A link is made with its content, so that a lock always names its process.
function isTaken(lock, own) {
  try {
    linkSync(own, lock)
    rmSync(own)
    return true
  } catch (thrown) {
    if (thrown.code !== 'EEXIST') throw thrown
  }
  if (isLeft(lock)) rmSync(lock, { force: true })
  return false
}

// True for a lock of a process that no longer runs.
function isLeft(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return false
  } catch (thrown) {
    return thrown.code === 'ESRCH'
  }
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
