"""`python -m gradatim.cli`.

In: arguments. Out: what the command line does.
For machines where scripts are not on the PATH.
"""

from . import main

main()
