"""File systems to test on: loop mounts, tmpfs, and sshfs from a server of its own. All need root."""

import os
import shutil
import subprocess
import time

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
MAKERS = {
    # Attributes of 64 KiB need inodes of their own; small files lie in the inode itself.
    "ext4": ["mkfs.ext4", "-q", "-F", "-O", "ea_inode,inline_data"],
    "xfs": ["mkfs.xfs", "-q"],
    "btrfs": ["mkfs.btrfs", "-q"],
}


class Unavailable(Exception):
    """This machine cannot have the file system; says why."""


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, **options)
    if done.returncode != 0:
        raise Unavailable(f"{words[0]}: " + done.stderr.decode(errors="replace").strip())
    return done


class Mount:
    """A mounted file system below `scratch`; `directory` is where. Unmounts itself."""

    def __init__(self, kind, scratch, mib=512):
        self.kind = kind
        self.directory = os.path.join(scratch, kind)
        os.mkdir(self.directory)
        if kind == "sshfs":
            self.mount_sshfs(scratch)
        elif kind == "tmpfs":
            run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", self.directory)
        else:
            self.mount_loop(scratch, mib)

    def mount_loop(self, scratch, mib):
        image = os.path.join(scratch, self.kind + ".image")
        with open(image, "wb") as file:
            os.truncate(file.fileno(), mib << 20)
        if not shutil.which(MAKERS[self.kind][0]):
            raise Unavailable(MAKERS[self.kind][0] + " is not installed")
        run(*MAKERS[self.kind], image)
        run("mount", "-o", "loop", image, self.directory)

    def mount_sshfs(self, scratch):
        """The server talks to sshfs by its standard input and output: no network, no daemon, no keys."""
        served, connect = os.path.join(scratch, "served"), os.path.join(scratch, "connect")
        if not os.path.exists(SFTP_SERVER) or not shutil.which("sshfs"):
            raise Unavailable("sshfs or openssh-sftp-server is not installed")
        if not os.path.exists("/dev/fuse"):
            raise Unavailable("no /dev/fuse here")
        os.mkdir(served)
        with open(connect, "w", encoding="ascii") as script:
            script.write(f"#!/bin/sh\nexec {SFTP_SERVER}\n")
        os.chmod(connect, 0o755)
        run("sshfs", "-o", f"ssh_command={connect}", "local:" + served, self.directory)

    def unmount(self):
        # A loop device may still be busy for a moment with what a process that ended had open.
        for _ in range(50):
            if subprocess.run(["umount", self.directory], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "-l", self.directory], check=True)
