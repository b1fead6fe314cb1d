"""``python -m skgd``: the commands of `skgd._commands`."""

import argparse
import sys

from skgd._commands import clean, compile, info

COMMANDS = {"compile": compile, "info": info, "clean": clean}


def main(arguments=None):
    """Run a command.

    Parameters
    ----------
    arguments : list of str, default=None
        None is what the process was given.

    Returns
    -------
    code : int
        0 if all went well.
    """
    parser = argparse.ArgumentParser("python -m skgd")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.SUMMARY,
            epilog=module.DETAILS,
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
