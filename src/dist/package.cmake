# package.cmake - the Debian package: `cpack -G DEB` in the build folder. Version and maintainer are
# those of the changelog's first entry.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/changelog maintainer REGEX "^ -- " LIMIT_COUNT 1)
string(REGEX REPLACE "^ -- (.*>).*" "\\1" maintainer "${maintainer}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${maintainer}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
	GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/package_files.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# systemd-sysusers makes the user.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
	"ca-certificates, mobile-broadband-provider-info, udev, usb-modeswitch")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "gateway from many GSM modems to platforms that sell numbers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"The daemon simgated reads every SMS that reaches the SIM cards of a host full
of modems, keeps it safe, and hands it over HTTPS to the platform that sells
the numbers. It tells that platform at all times which numbers can receive.
.
simgatectl is how its operator sees and steers it.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/conffiles
	${CMAKE_CURRENT_LIST_DIR}/postinst ${CMAKE_CURRENT_LIST_DIR}/prerm
	${CMAKE_CURRENT_LIST_DIR}/postrm)
include(CPack)
