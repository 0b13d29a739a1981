"""A filter of system calls for closed processes, as a program for seccomp.

Everything is allowed except what outlives a question (keyrings, shared memory and messages
of System V and POSIX), opens a new way into the kernel (io_uring, bpf, userfaultfd, new
namespaces, mounts), looks into other processes, or talks to a network. The program is
classic BPF, eight bytes an instruction, so bubblewrap and ``prctl`` both take it.
"""

import errno
import platform
import struct
from collections.abc import Sequence

AF_UNIX = 1
NEW_NAMESPACES = 0x7E020000  # every flag of clone that makes one
X32 = 0x40000000  # calls of the x32 kind have this bit
# The offsets in the kernel's ``struct seccomp_data``.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
LOAD, EQUAL, AT_LEAST, HAS_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# The numbers of a call on x86_64 and aarch64; None where it has none.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    **{"shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197)},
    **{"semget": (64, 190), "semop": (65, 193), "semctl": (66, 191)},
    **{"semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189)},
    **{"msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180)},
    **{"mq_unlink": (241, 181), "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183)},
    **{"mq_notify": (244, 184), "mq_getsetattr": (245, 185), "add_key": (248, 217)},
    **{"request_key": (249, 218), "keyctl": (250, 219), "memfd_create": (319, 279)},
    **{"memfd_secret": (447, 447), "ptrace": (101, 117), "process_vm_readv": (310, 270)},
    **{"process_vm_writev": (311, 271), "process_madvise": (440, 440), "kcmp": (312, 272)},
    **{"pidfd_getfd": (438, 438), "unshare": (272, 97), "setns": (308, 268)},
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429)},
    **{"fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432)},
    **{"fspick": (433, 433), "mount_setattr": (442, 442), "quotactl": (179, 60)},
    **{"quotactl_fd": (443, 443), "name_to_handle_at": (303, 264)},
    **{"open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "acct": (163, 89)},
    **{"bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426)},
    **{"io_uring_register": (427, 427), "io_setup": (206, 0), "io_submit": (209, 2)},
    **{"kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142)},
    **{"init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106)},
    **{"swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116)},
    **{"personality": (135, 92), "settimeofday": (164, 170), "clock_settime": (227, 112)},
    **{"iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None)},
    **{"uselib": (134, None), "migrate_pages": (256, 238), "move_pages": (279, 239)},
}
CLONE, CLONE3 = (56, 220), (435, 435)
SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}


def program(sockets: Sequence[int] = (), machine: str = "") -> bytes:
    """The filter; empty for a machine whose numbers are not known here.

    Args:
        sockets: the families of sockets that may be opened; pairs of AF_UNIX always may.
        machine: as ``platform.machine`` names it; by default this one.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return b""
    architecture, column = ARCHITECTURES[machine]
    refused = REFUSE | errno.EPERM
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        *_when(EQUAL, architecture, [], otherwise=[(RETURN, 0, 0, refused)]),
        (LOAD, 0, 0, NUMBER),
        *_when(AT_LEAST, X32, [(RETURN, 0, 0, REFUSE | errno.ENOSYS)]),
    ]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            lines += _when(EQUAL, number, [(RETURN, 0, 0, refused)])
    # Its flags cannot be looked at; the C library then takes clone.
    lines += _when(EQUAL, CLONE3[column], [(RETURN, 0, 0, REFUSE | errno.ENOSYS)])
    spaces = _when(HAS_BIT, NEW_NAMESPACES, [(RETURN, 0, 0, refused)])
    lines += _when(EQUAL, CLONE[column], _looked(spaces, ALLOW))
    for name, numbers in SOCKETS.items():
        families = [AF_UNIX] if name == "socketpair" else sockets
        known = [
            line for f in families for line in _when(EQUAL, f, [(RETURN, 0, 0, ALLOW)])
        ]
        lines += _when(EQUAL, numbers[column], _looked(known, REFUSE | errno.EAFNOSUPPORT))
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


Line = tuple[int, int, int, int]


def _when(
    test: int, value: int, then: list[Line], otherwise: list[Line] | None = None
) -> list[Line]:
    """Lines for what passes the test, and lines for what does not."""
    if otherwise:
        return [(test, len(otherwise), 0, value), *otherwise]
    return [(test, 0, len(then), value), *then]


def _looked(lines: list[Line], ending: int) -> list[Line]:
    """Lines about the call's first argument, which the rest then decides."""
    return [(LOAD, 0, 0, FIRST_ARGUMENT), *lines, (RETURN, 0, 0, ending)]
