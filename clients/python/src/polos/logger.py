"""Where the SDK reports what nobody asked for: lost connections, refused executions."""

from __future__ import annotations

import logging
import os

LOGGER_NAME = "polos"
"""The logger of the standard library that everything is written to."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "silent": logging.CRITICAL + 1,
}


def create_logger(level: str | None = None) -> logging.Logger:
    """The logger `polos` of the standard library.

    A program that has set up logging gets the lines where it wants them. In one that has not, they go to standard error.

    `level`: the least important one that is written: debug, info, warning, error or silent. Default: POLOS_LOG_LEVEL, else
    what the program has set, else info.
    """
    logger = logging.getLogger(LOGGER_NAME)
    wanted = _LEVELS.get((level or os.environ.get("POLOS_LOG_LEVEL") or "").lower())
    if wanted is not None:
        logger.setLevel(wanted)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s polos: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    return logger
