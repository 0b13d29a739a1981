"""What one answer may use."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one answer may use."""

    seconds: float = 20.0  # from the start of the student's code until its last answer
    start_seconds: float = 120.0  # for Python and PyTorch to start, before that
    memory: int = 4096 * MIB  # bytes of address space
    processes: int = 32  # and threads
    disk: int = 64 * MIB  # bytes that may be written
    answer: int = 32 * MIB  # bytes that may be sent
    questions: int = 5000  # that may be asked while one case is answered
    question: int = MIB  # bytes of one
    unread: int = 32 * MIB  # bytes that were answered and not yet read

    def of_kernel(self, running: int) -> dict[str, int]:
        """The limits that the kernel keeps, by their names in ``resource``.

        The ``running`` processes of the same user count too.
        """
        return {
            "AS": self.memory,
            "CPU": int(self.seconds + 30),
            "FSIZE": self.disk,
            "NPROC": self.processes + running,
            "NOFILE": 256,
            "CORE": 0,
        }
