"""Write the filter that refuses a submission some calls of the system.

Some make memory that belongs to no process, which who counts what processes
hold does not see; others make a world (a namespace) in which a submission has
the rights of an administrator. The kernel reads the filter as a program of a
small language of its own (seccomp, "classic" BPF).
"""

import errno
import platform
import struct

from course_utils.machine.errors import CourseError

# By machine: the kernel's number of it, and of its calls.
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    "memfd_create": {"x86_64": 319, "aarch64": 279},
    "memfd_secret": {"x86_64": 447, "aarch64": 447},
    "shmget": {"x86_64": 29, "aarch64": 194},
    "msgget": {"x86_64": 68, "aarch64": 186},
    "io_uring_setup": {"x86_64": 425, "aarch64": 425},
    "unshare": {"x86_64": 272, "aarch64": 97},
    # Without it, programs take `clone`, whose flags can be seen.
    "clone3": {"x86_64": 435, "aarch64": 435},
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_NEW_USERS = 0x10000000  # the flag for a world with users of its own
# Programs of x86_64 can write a call's number in two ways; this begins the
# second.
_SECOND_WAY = 0x40000000
# Words of the language; a jump says how many lines it leaves out.
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CALL, _MACHINE, _FLAGS = 0, 4, 16  # where in what is given to it
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS


def refusing() -> bytes:
    """Return the filter, for the machine that this is.

    What is refused looks as if the kernel did not have it.

    Raises:
        CourseError: If the numbers of this machine's calls are not known.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        raise CourseError(
            f"bubblewrap's filter is written for {' and '.join(_MACHINES)}, "
            f"and not for {machine}."
        )
    refuse = (_RETURN, 0, 0, _REFUSE)
    program = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _MACHINES[machine]),
        refuse,
        (_LOAD, 0, 0, _CALL),
        (_AT_LEAST, 0, 1, _SECOND_WAY),
        refuse,
    ]
    for numbers in _REFUSED.values():
        program += [(_EQUAL, 0, 1, numbers[machine]), refuse]
    program += [
        (_EQUAL, 0, 3, _CLONE[machine]),
        (_LOAD, 0, 0, _FLAGS),
        (_HAS, 0, 1, _NEW_USERS),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in program)
