# DS_TRY_CFLAGS(FLAGS): add to DS_CFLAGS each flag that the compiler takes.
# A flag that the compiler only warns about counts as not taken.
AC_DEFUN([DS_TRY_CFLAGS], [
for ds_flag in $1; do
	AC_MSG_CHECKING([whether $CC takes $ds_flag])
	ds_saved="$CFLAGS"
	CFLAGS="$CFLAGS -Werror $ds_flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		 DS_CFLAGS="$DS_CFLAGS $ds_flag"],
		[AC_MSG_RESULT([no])])
	CFLAGS="$ds_saved"
done
])

# DS_TRY_LDFLAGS(FLAGS): the same for the linker.
AC_DEFUN([DS_TRY_LDFLAGS], [
for ds_flag in $1; do
	AC_MSG_CHECKING([whether the linker takes $ds_flag])
	ds_saved="$LDFLAGS"
	ds_saved_c="$CFLAGS"
	CFLAGS="$CFLAGS $DS_CFLAGS"
	LDFLAGS="$LDFLAGS $ds_flag"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		 DS_LDFLAGS="$DS_LDFLAGS $ds_flag"],
		[AC_MSG_RESULT([no])])
	LDFLAGS="$ds_saved"
	CFLAGS="$ds_saved_c"
done
])

# DS_PKG(PREFIX, MODULES, DEBIAN-PACKAGE): a library that pkg-config knows.
AC_DEFUN([DS_PKG], [
PKG_CHECK_MODULES([$1], [$2], [],
	[DS_MISSING="$DS_MISSING
    $2 (Debian: $3)"])
])

# DS_LIB(PREFIX, LIBRARY, FUNCTION, HEADER, DEBIAN-PACKAGE): one that it
# does not know.
AC_DEFUN([DS_LIB], [
ds_ok=yes
AC_CHECK_HEADER([$4], [], [ds_ok=no])
AC_CHECK_LIB([$2], [$3], [], [ds_ok=no], [-lpthread])
LIBS="${LIBS#-l$2 }"
$1_LIBS="-l$2"
$1_CFLAGS=
AC_SUBST([$1_LIBS])
AC_SUBST([$1_CFLAGS])
AS_IF([test $ds_ok = no],
	[DS_MISSING="$DS_MISSING
    lib$2 with <$4> (Debian: $5)"])
])

# DS_REPORT_MISSING: stop when anything is missing, naming all of it at once.
AC_DEFUN([DS_REPORT_MISSING], [
AS_IF([test -n "$DS_MISSING"],
	[AC_MSG_ERROR([these libraries are missing:
$DS_MISSING

On Debian, './bootstrap' installs them; Criterion, './bootstrap check'.])])
])
