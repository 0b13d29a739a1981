"""``python -m seq2seq_lib.translate``."""

from seq2seq_lib.translate.commands import main

if __name__ == "__main__":
    main()
