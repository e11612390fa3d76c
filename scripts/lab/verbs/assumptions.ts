/** Something that the service assumes of a machine image. */
export interface Assumption {
  name: string
  /** What in an upgrade depends on it. */
  why: string
  /** A shell script that exits with 0 where it holds. All run in the same machine, in this order. */
  check: string
  /** Runs it in a container without systemd, network and privileges instead. */
  plain?: true
}

const programs = [
  'awk base64 basename cat chmod chown cmp cp ctr curl cut date df dirname du find flock grep head journalctl kubectl ls',
  'mkdir mktemp mv pgrep realpath rm sed seq sh sha256sum sleep sort stat sync systemctl systemd-run tail tar test',
  'timeout touch tr uname wc xargs',
].join(' ')

// The unit of the checks: it copies its input to its output and succeeds.
const start = `echo output >/var/check.input && systemd-run --quiet --unit=check --no-block --property=Type=exec \
  --property=RemainAfterExit=yes --property=RuntimeMaxSec=60 --property=StandardInput=file:/var/check.input cat`
const until = (condition: string) => `timeout 40 sh -c 'until ${condition}; do sleep 0.2; done'`

// Sets the shell variable `images` to the images that an upgrade takes from a node image. A node image has the content of
// one platform of a multi-platform image, so commands name the platform.
const everyImage = `images=$(kubeadm config images list --kubernetes-version "$(cat /kind/version)" | grep -v /pause:)`
const platform = '$(uname -m | sed "s,x86_64,linux/amd64,; s,aarch64,linux/arm64,")'

/** All assumptions. A new step may need one more. */
export const assumptions: Assumption[] = [
  {
    name: 'process 1 is systemd, and it has started',
    why: 'long steps are systemd units',
    check: until('grep -qx systemd /proc/1/comm && systemctl is-system-running | grep -Eqx "running|degraded"'),
  },
  {
    name: 'systemd-run needs no D-Bus',
    why: 'units are started without D-Bus',
    check: `! pgrep -x dbus-daemon && ${start}`,
  },
  {
    name: 'a unit that has ended stays loaded',
    why: 'the result of a step is read later',
    check: until(
      'systemctl show check -p SubState,Result,ExecMainStatus | tr "\\n" " " | grep -q "success.*=0.*exited"',
    ),
  },
  {
    name: 'systemctl finds units by a pattern',
    why: 'one observation has all units of an upgrade',
    check: `systemctl show 'chec*.service' --property=Id,ActiveState | grep -qx Id=check.service &&
      systemctl list-units --all --plain --no-legend --state=active 'chec*.service' | grep -q '^check.service '`,
  },
  { name: 'a unit of a name starts only once', why: 'no step runs twice', check: `! (${start})` },
  {
    name: "a unit's output is in the journal, by its invocation",
    why: 'errors have the last lines of the output',
    check: until(
      `journalctl "_SYSTEMD_INVOCATION_ID=$(systemctl show check --property=InvocationID --value)" \
        --output=cat --no-pager --lines=40 | grep -qx output`,
    ),
  },
  {
    name: 'a unit is ended at RuntimeMaxSec',
    why: 'each step has a time limit',
    check: `systemd-run --unit=late --no-block --property=RuntimeMaxSec=1 sleep 60 &&
      ${until('systemctl show late --property=Result | grep -qx Result=timeout')}`,
  },
  {
    name: 'a unit that fails runs a command at its end',
    why: 'the kubelet starts again even when an exchange fails',
    check: `systemd-run --quiet --unit=last --no-block --property=Type=exec \
      --property='ExecStopPost=/bin/sh -c "touch /var/check.last"' false && ${until('[ -e /var/check.last ]')}`,
  },
  {
    name: 'the usual programs exist',
    why: 'steps are shell scripts',
    check: `for name in ${programs}; do command -v $name >/dev/null || { echo "no $name"; exit 1; }; done`,
  },
  {
    name: 'flock locks a directory',
    why: 'one replica at a time changes a machine',
    check: `exec 9</var && flock -w 5 9 && ! sh -c 'exec 8</var && flock -n 8'`,
  },
  {
    name: '/proc has the boot, the uptime and the start of each process',
    why: 'time limits and ages',
    check: `grep -q . /proc/sys/kernel/random/boot_id && awk '$1 !~ /^[0-9]+[.][0-9]+$/ { exit 1 }' /proc/uptime &&
      awk 'BEGIN { getline line <"/proc/1/stat"; sub(/.*[)] /, "", line); split(line, fields, " "); exit fields[20] !~ /^[0-9]+$/ }'`,
  },
  {
    name: 'base64 -w 0 prints one line',
    why: 'an observation is one JSON document',
    check: `[ "$(head -c 1000 /dev/zero | base64 -w 0 | wc -l)" = 0 ]`,
  },
  {
    name: 'mktemp creates files in /run, which is in memory',
    why: 'a full disk does not stop an observation',
    check: 'rm "$(mktemp -p /run check.XXXXXX)" && stat -f -c %T /run | grep -qx tmpfs',
  },
  {
    name: 'df -Pk prints the free space in column 4',
    why: 'the check for free space',
    check: `df -Pk /var /usr/bin | awk 'NR > 1 && $4 !~ /^[0-9]+$/ { exit 1 }'`,
  },
  {
    name: 'sync accepts files',
    why: 'programs are on disk before they are renamed',
    check: 'sync /usr/bin/kubelet',
  },
  {
    name: 'kubeadm, kubelet, kubectl are regular files of one version',
    why: 'they are replaced by a rename in /usr/bin',
    check: `version=$(cat /kind/version); cd /usr/bin
      for name in kubeadm kubelet kubectl; do [ -f $name ] && [ ! -L $name ] || { echo "$name is no file"; exit 1; }; done
      [ "$(./kubeadm version -o short)" = "$version" ] && [ "$(./kubelet --version)" = "Kubernetes $version" ] &&
      ./kubectl version --client | grep -qx "Client Version: $version"`,
  },
  {
    name: "kubelet.service runs /usr/bin/kubelet with kubeadm's flags",
    why: 'a restart of the service starts the new kubelet',
    check: `systemctl show kubelet --property=ExecStart | grep -q path=/usr/bin/kubelet &&
      systemctl show kubelet --property=EnvironmentFiles | grep -q /var/lib/kubelet/kubeadm-flags.env`,
  },
  {
    name: 'kubelet.service has Restart=always',
    why: 'a kubelet that fails is started again',
    check: `[ "$(systemctl show kubelet --property=Restart --value)" = always ]`,
  },
  {
    name: 'kubelet.service has KillMode=process',
    why: 'pods survive a restart of the kubelet',
    check: `[ "$(systemctl show kubelet --property=KillMode --value)" = process ]`,
  },
  {
    name: 'containerd is active',
    why: 'images are loaded into it',
    check: until('systemctl is-active --quiet containerd'),
  },
  {
    name: 'all images of its version are loaded',
    why: 'images come from a node image',
    // Without kubeadm's pause image: kind's images have containerd's instead (kind v0.33.0,
    // pkg/build/nodeimage/buildcontext.go).
    check: `${everyImage} &&
      for image in $images; do ctr -n k8s.io images ls -q | grep -qx "$image" || { echo "no $image"; exit 1; }; done`,
  },
  {
    name: "containerd's pause image is loaded",
    why: 'pods start without a registry',
    check: `image=$(containerd config dump | sed -n 's/^ *sandbox\\(_image\\)\\{0,1\\} *= *.\\(.*\\).$/\\2/p' | head -n 1) &&
      ctr -n k8s.io images ls -q | grep -qxF "$image" || { echo "no $image"; exit 1; }`,
  },
  {
    name: 'no image of another version is loaded',
    why: 'an upgrade loads the new images itself',
    check: `! ctr -n k8s.io images ls -q | grep '/kube-[a-z0-9-]*:' | grep -v ":$(cat /kind/version)$"`,
  },
  {
    name: 'ctr exports and imports all images',
    why: 'images are loaded this way',
    check: `${everyImage} &&
      ctr -n k8s.io images export --local --platform "${platform}" /var/check.tar $images &&
      ctr -n k8s.io images import --platform "${platform}" /var/check.tar`,
  },
  {
    name: 'ctr lists tasks and containers as tables',
    why: 'the running images are read this way',
    check: `ctr -n k8s.io tasks ls | grep -Eq '^TASK +PID +STATUS' &&
      ctr -n k8s.io containers ls | grep -Eq '^CONTAINER +IMAGE'`,
  },
  {
    name: 'ctr finds containers by the labels of their pods',
    why: 'static pods are stopped without the kubelet',
    check: `ctr -n k8s.io containers ls -q 'labels."io.kubernetes.pod.namespace"==kube-system,labels."io.kubernetes.container.name"==etcd'`,
  },
  {
    name: 'containerd reads /etc/containerd/certs.d',
    why: 'tests that pull images set a mirror there',
    // By a pull. `config dump` does not show it: containerd 2.3 applies its default when the plugin starts.
    check: `folder=/etc/containerd/certs.d/check.invalid && mkdir -p $folder &&
      printf '[host."http://127.0.0.1:9"]\\n  capabilities = ["pull", "resolve"]\\n' >$folder/hosts.toml &&
      timeout 40 kubeadm config images pull --image-repository check.invalid --kubernetes-version "$(cat /kind/version)" 2>&1 |
        grep -q 127.0.0.1:9`,
  },
  {
    name: 'containerd works without systemd, network and privileges',
    why: 'images are exported from a plain container',
    plain: true,
    check: `containerd >/dev/null 2>&1 & ${until('ctr -n k8s.io images ls -q | grep -q /kube-proxy:')} &&
      ${everyImage} && ctr -n k8s.io images export --local --platform "${platform}" /tmp/check.tar $images`,
  },
]
