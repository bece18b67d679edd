from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ReadOnlyPasswordHasher(PBKDF2PasswordHasher):
    """Leaves a hash as it is: at a login Django would write one with more iterations.

    The count grows with every Django, and the one that runs may be newer than the one that built
    the database.
    """

    def must_update(self, decoded: object) -> bool:
        return False
