#!/usr/bin/env bash
# A SLURM of one node on this machine, to see the workflow run through a real queue. Root, Debian or Ubuntu; a container will do.
#
#   bash tools/slurm_localhost.sh start     install slurm-wlm and munge if need be, configure, start, wait until the node is idle
#   bash tools/slurm_localhost.sh stop      end its daemons and remove the configuration
#
# The configuration has to be /etc/slurm/slurm.conf, because a job does not inherit SLURM_CONF; one that is not ours is left alone.
# There is no accounting database, so whoever waits for a job has to ask squeue and not sacct.
set -euo pipefail
conf=/etc/slurm/slurm.conf
state=/var/lib/slurm-localhost
mark="# written by tools/slurm_localhost.sh"
node=$(hostname -s)

if [ "$(id -u)" -ne 0 ]; then echo "SLURM's daemons are started by root; use sudo, or a container."; exit 1; fi
if [ -e $conf ] && ! grep -qx "$mark" $conf; then echo "$conf belongs to somebody else; nothing was changed."; exit 1; fi

stop() {
  local name
  for name in slurmd slurmctld; do
    if [ -s $state/$name.pid ]; then kill "$(cat $state/$name.pid)" 2> /dev/null || true; fi
  done
  rm -rf $conf $state
}

start() {
  if ! command -v slurmctld munged > /dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge > /dev/null
  fi
  mkdir -p /etc/slurm $state/controller $state/node
  {
    echo "$mark"
    echo "ClusterName=localhost"
    echo "SlurmctldHost=$node(127.0.0.1)"
    echo "NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(free -m | awk '/^Mem:/ {print $2}')"
    echo "PartitionName=main Nodes=$node Default=YES State=UP"
    # cores and memory are what jobs compete for, as on a real cluster
    printf '%s\n' SelectType=select/cons_tres SelectTypeParameters=CR_Core_Memory DefMemPerCPU=1000
    # no cgroups and no special rights, so that it works in a container
    printf '%s\n' SlurmUser=root ProctrackType=proctrack/linuxproc TaskPlugin=task/none ReturnToService=2
    printf '%s\n' StateSaveLocation=$state/controller SlurmdSpoolDir=$state/node
    for name in slurmctld slurmd; do
      printf '%s\n' ${name^}PidFile=$state/$name.pid ${name^}LogFile=$state/$name.log
    done
  } > $conf
  if ! pgrep -x munged > /dev/null; then
    install -d -o munge -g munge /run/munge
    runuser -u munge -- munged
  fi
  slurmctld
  slurmd -N "$node"
  for _ in $(seq 60); do
    if [ "$(sinfo --noheader --format %T 2> /dev/null)" = idle ]; then sinfo; return; fi
    sleep 1
  done
  tail $state/*.log
  echo "The node is not idle after a minute; the end of its logs is above."
  exit 1
}

case ${1:-} in
  start) stop; start ;;
  stop) stop ;;
  *) echo "usage: $0 start|stop"; exit 2 ;;
esac
